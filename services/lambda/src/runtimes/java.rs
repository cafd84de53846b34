//! `java*`: handlers of Java, run by AWS's runtime interface client, which Maven fetches.

use std::path::Path;

use super::interpreters::Interpreter;
use super::packages::Wanted;
use super::start::{Start, TEMPORARY, joined};

/// Version of `aws-lambda-java-runtime-interface-client`.
const CLIENT: &str = "2.6.0";
/// Of the function's memory, what the JVM may take for its heap, in percent.
const HEAP_PERCENT: u32 = 85;

/// The client with all that it needs.
pub(super) fn client() -> Wanted {
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>client</artifactId>\
         <version>1</version><dependencies><dependency><groupId>com.amazonaws</groupId>\
         <artifactId>aws-lambda-java-runtime-interface-client</artifactId><version>{CLIENT}</version>\
         </dependency></dependencies></project>"
    );
    let words = vec!["-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib"];
    Wanted {
        name: format!("java/{CLIENT}"),
        what: format!("AWS's runtime interface client {CLIENT} for Java (by Maven)"),
        install: ("mvn".into(), words),
        files: vec![("pom.xml", pom)],
    }
}

/// The process of a function.
pub(super) fn start(
    interpreter: &Interpreter,
    client: &Path,
    code: &Path,
    opt: Option<&Path>,
    handler: &str,
    memory_mb: u32,
) -> Start {
    let mut classes = vec![code.to_path_buf(), code.join("lib/*")];
    classes.extend(opt.map(|opt| opt.join("java/lib/*")));
    classes.push(client.join("lib/*"));
    Start::new(interpreter.program.clone(), code.to_path_buf())
        .argument(format!("-Xmx{}m", memory_mb * HEAP_PERCENT / 100))
        .argument("-XX:+UseSerialGC")
        .argument("-XX:TieredStopAtLevel=1")
        .argument("-Xshare:auto")
        // The JVM goes by the system's records, not by HOME and TMPDIR.
        .argument(format!("-Duser.home={TEMPORARY}"))
        .argument(format!("-Djava.io.tmpdir={TEMPORARY}"))
        .argument("-cp")
        .argument(joined(&classes))
        .argument("com.amazonaws.services.lambda.runtime.api.client.AWSLambda")
        .argument(handler)
}
