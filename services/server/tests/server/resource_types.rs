//! The resource types that services declare are those that templates may have.

use std::collections::{BTreeMap, BTreeSet};

use anabranch_template::{Options, has_attribute, resource_types};
use serde_json::Value;

use crate::harness::{ask, start};

/// Permissions have no effect, so no service has them.
const WITHOUT_SERVICE: &str = "iam";

#[tokio::test]
async fn each_type_of_templates_is_declared_by_its_service() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let page = ask(app.address, "GET /_anabranch/operations HTTP/1.1", b"").await.json();
    let mut declared = BTreeMap::new();
    let mut attributes = BTreeSet::new();
    for service in page["services"].as_array().unwrap() {
        for kind in service["resource_types"].as_array().unwrap() {
            let name = kind["name"].as_str().unwrap();
            let twice = declared.insert(name, (service["id"].as_str().unwrap(), kind));
            assert!(twice.is_none(), "{name} is declared twice");
            attributes.extend(texts(&kind["attributes"]));
        }
    }
    let of_templates: BTreeMap<&str, &str> =
        resource_types().filter(|(_, service)| *service != WITHOUT_SERVICE).collect();
    let of_services: BTreeMap<&str, &str> = declared.iter().map(|(name, (service, _))| (*name, *service)).collect();
    assert_eq!(of_services, of_templates);
    for (name, (_, kind)) in declared {
        for attribute in &attributes {
            let is_declared = texts(&kind["attributes"]).contains(attribute);
            assert_eq!(has_attribute(name, attribute), is_declared, "{attribute} of {name}");
        }
        for property in texts(&kind["properties"]) {
            let refused = refusals(name, property);
            assert!(!refused.contains("this property is not supported"), "{property} of {name}: {refused}");
        }
    }
    app.stop().await;
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// What is said of a template with one resource of the type `kind` that has the property alone.
fn refusals(kind: &str, property: &str) -> String {
    let template = format!("Resources:\n  A:\n    Type: {kind}\n    Properties:\n      {property}: a\n");
    let options = Options {
        parameters: BTreeMap::new(),
        stack_name: "stack".into(),
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    };
    anabranch_template::read(&template, "template.yaml", &options)
        .map_or_else(|error| error.to_string(), |_| String::new())
}
