pub mod parallel;
pub mod probit;
pub mod random;
pub mod simulate;

/// Reference values for tests, from `test/oracle/`.
#[cfg(test)]
fn oracle(file: &str) -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/test/oracle/");
    serde_json::from_str(&std::fs::read_to_string(format!("{path}{file}")).unwrap()).unwrap()
}
