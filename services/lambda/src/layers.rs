//! Layers: directories that functions have at `/opt`, kept in the control store.

use anabranch_control::{Changes, ControlError, ControlStore, Stored, Table};
use anabranch_protocol::{Account, ApiError, Region};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::HeldPackage;
use crate::configuration::LayerReference;
use crate::control::commit;
use crate::error::{invalid_parameter, not_found, service_exception};
use crate::function_id::Scope;
use crate::policy::Policy;

const LAYERS: Table = Table("lambda_layers");
/// Most layers of a function. (Lambda quotas.)
const LAYERS_PER_FUNCTION_MAX: usize = 5;

/// A layer's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layer {
    account: Account,
    region: Region,
    name: String,
    /// The number that was given to a version last; none is given twice.
    last_version: u64,
    /// By number; those that were deleted are not here.
    pub(crate) versions: BTreeMap<u64, LayerVersion>,
}

/// A version of a layer. All but its policy stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LayerVersion {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) license: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) runtimes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) architectures: Vec<String>,
    pub(crate) created_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Policy>,
}

impl Stored for Layer {
    const KIND: &'static str = "layer";
    const VERSION: u32 = 1;
}

/// What identifies a layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayerId {
    pub(crate) scope: Scope,
    pub(crate) name: String,
}

impl LayerId {
    pub(crate) fn arn(&self) -> String {
        self.scope.arn(&format!("layer:{}", self.name)).to_string()
    }

    pub(crate) fn version_arn(&self, number: u64) -> String {
        format!("{}:{number}", self.arn())
    }

    fn key(&self) -> String {
        format!("{}/{}/{}", self.scope.account, self.scope.region, self.name)
    }

    /// The layer that a caller in `scope` names by a name or an ARN.
    ///
    /// # Errors
    /// `ValidationException` for neither, `ResourceNotFoundException` for one of another region.
    pub(crate) fn resolve(text: &str, scope: &Scope) -> Result<Self, ApiError> {
        let is_name = |name: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !name.is_empty() && name.bytes().all(allowed)
        };
        let misfit = || {
            ApiError::validation(format!(
                "1 validation error detected: Value '{text}' at 'layerName' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: (arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{{12}}:layer:\
                 [a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+"
            ))
        };
        if is_name(text) && text.len() <= 140 {
            return Ok(Self { scope: scope.clone(), name: text.into() });
        }
        let arn: anabranch_protocol::Arn = text.parse().map_err(|_| misfit())?;
        let name = arn.resource_after("layer:").filter(|name| is_name(name)).ok_or_else(misfit)?;
        let (Some(region), Some(account), "lambda") = (arn.region.clone(), arn.account, &*arn.service) else {
            return Err(misfit());
        };
        Ok(Self { scope: Scope { account, region }, name: name.into() })
    }

    /// Layer and number of the ARN of a layer version.
    pub(crate) fn of_version_arn(arn: &str) -> Option<(Self, u64)> {
        let (layer, number) = arn.rsplit_once(':')?;
        let id = Self::resolve(layer, &Scope::default()).ok().filter(|_| layer.starts_with("arn:"))?;
        Some((id, number.parse().ok()?))
    }
}

/// All layers.
pub(crate) struct Layers {
    control: ControlStore,
    layers: RwLock<BTreeMap<LayerId, Arc<Layer>>>,
    /// Held by whoever changes layers.
    changes: Arc<tokio::sync::Mutex<()>>,
}

impl Layers {
    pub(crate) fn open(control: ControlStore) -> Result<Arc<Self>, ControlError> {
        let id = |layer: &Layer| {
            let scope = Scope { account: layer.account, region: layer.region.clone() };
            LayerId { scope, name: layer.name.clone() }
        };
        let stored = control.scan::<Layer>(LAYERS, "")?;
        let layers = stored.into_iter().map(|(_, layer)| (id(&layer), Arc::new(layer))).collect();
        Ok(Arc::new(Self { control, layers: RwLock::new(layers), changes: Arc::default() }))
    }

    pub(crate) fn uses(&self, sha256: &str) -> bool {
        let layers = self.layers.read();
        layers.values().any(|layer| layer.versions.values().any(|version| version.sha256 == sha256))
    }

    /// The layers of an account and region that have versions, in name order.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<(LayerId, Arc<Layer>)> {
        let layers = self.layers.read();
        let of_scope = layers.iter().filter(|(id, layer)| id.scope == *scope && !layer.versions.is_empty());
        of_scope.map(|(id, layer)| (id.clone(), layer.clone())).collect()
    }

    /// A layer's versions, by number; none if there is no such layer.
    pub(crate) fn versions(&self, id: &LayerId) -> BTreeMap<u64, LayerVersion> {
        self.layers.read().get(id).map(|layer| layer.versions.clone()).unwrap_or_default()
    }

    /// Whether there ever was such a layer.
    pub(crate) fn is_known(&self, id: &LayerId) -> bool {
        self.layers.read().contains_key(id)
    }

    /// A layer version.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(crate) fn version(&self, id: &LayerId, number: u64) -> Result<LayerVersion, ApiError> {
        let found = self.layers.read().get(id).and_then(|layer| layer.versions.get(&number).cloned());
        found.ok_or_else(|| not_found("The resource you requested does not exist."))
    }

    /// Publishes a version, and returns its number once it is durable.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        id: &LayerId,
        version: LayerVersion,
        held: HeldPackage,
    ) -> Result<u64, ApiError> {
        self.change(id, Some(held), |layer| {
            layer.last_version += 1;
            layer.versions.insert(layer.last_version, version);
            Ok(layer.last_version)
        })
        .await
    }

    /// Changes a layer durably, or not at all.
    ///
    /// # Errors
    /// Those of `alter`, and `ServiceException` for the disk.
    pub(crate) async fn change<T>(
        self: &Arc<Self>,
        id: &LayerId,
        held: Option<HeldPackage>,
        alter: impl FnOnce(&mut Layer) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let guard = self.changes.clone().lock_owned().await;
        let found = self.layers.read().get(id).cloned();
        let mut layer = found.map_or_else(|| Layer::new(id), |layer| (*layer).clone());
        let told = alter(&mut layer)?;
        let mut changes = Changes::default();
        changes.put(LAYERS, &id.key(), &layer).map_err(|error| service_exception(error.to_string()))?;
        let (layers, id) = (self.clone(), id.clone());
        // What is committed and what is seen must be the same, even if the caller goes away.
        let settled = tokio::spawn(async move {
            commit(&layers.control, changes).await?;
            layers.layers.write().insert(id, Arc::new(layer));
            drop((held, guard));
            Ok(())
        });
        settled.await.map_err(|error| service_exception(error.to_string()))??;
        Ok(told)
    }

    /// What a function keeps of the layer versions that it names.
    ///
    /// # Errors
    /// `InvalidParameterValueException` for what is no layer version, or too many.
    pub(crate) fn references(&self, arns: &[String], scope: &Scope) -> Result<Vec<LayerReference>, ApiError> {
        if arns.len() > LAYERS_PER_FUNCTION_MAX {
            return Err(invalid_parameter(format!("Cannot reference more than {LAYERS_PER_FUNCTION_MAX} layers.")));
        }
        let mut seen: Vec<(LayerId, &String)> = Vec::new();
        let mut references = Vec::new();
        for arn in arns {
            let missing = || invalid_parameter(format!("Layer version {arn} does not exist."));
            let (id, number) = LayerId::of_version_arn(arn).ok_or_else(missing)?;
            if let Some((_, other)) = seen.iter().find(|(other, _)| *other == id) {
                return Err(invalid_parameter(format!(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. \
                     {other} and {arn} are versions of the same layer."
                )));
            }
            if id.scope.region != scope.region {
                return Err(invalid_parameter(format!("Layers are not in the same region as the function. {arn}")));
            }
            let version = self.version(&id, number).map_err(|_| missing())?;
            references.push(LayerReference { arn: arn.clone(), sha256: version.sha256, bytes: version.bytes });
            seen.push((id, arn));
        }
        Ok(references)
    }
}

impl Layer {
    fn new(id: &LayerId) -> Self {
        Self {
            account: id.scope.account,
            region: id.scope.region.clone(),
            name: id.name.clone(),
            last_version: 0,
            versions: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> LayerId {
        let scope = Scope { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        LayerId { scope, name: "shared".into() }
    }

    #[test]
    fn layers_have_fixtures() {
        let version = LayerVersion {
            sha256: "ab".repeat(32),
            bytes: 10,
            description: "shared code".into(),
            license: Some("MIT".into()),
            runtimes: vec!["python3.13".into()],
            architectures: vec!["x86_64".into()],
            created_ms: 1_700_000_000_000,
            policy: Some(Policy::default()),
        };
        let bare = LayerVersion { sha256: "cd".repeat(32), bytes: 20, ..LayerVersion::default() };
        let layer = Layer { last_version: 3, versions: [(1, version), (3, bare)].into(), ..Layer::new(&id()) };
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &[layer]);
    }

    #[test]
    fn arns_name_layers() {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:layer:shared";
        assert_eq!(LayerId::resolve(arn, &Scope::default()).unwrap(), id());
        assert_eq!(LayerId::of_version_arn(&id().version_arn(7)), Some((id(), 7)));
        for other in ["shared:1", "arn:aws:lambda:eu-west-1:111122223333:function:shared:1", "", "a b"] {
            assert_eq!(LayerId::of_version_arn(other), None, "{other}");
        }
    }
}
