//! When two payloads are the same.

use serde_json::{Number, Value};

/// Equality of JSON values, in which 1, 1.0 and 1e0 are one number and members
/// have no order: what a database that keeps values may change, and no more.
#[must_use]
pub fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b || a.as_f64() == b.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_its_value_and_not_its_spelling() {
        assert!(same_json(&json!({"a": [1.0, 2e3]}), &json!({"a": [1, 2000]})));
        assert!(!same_json(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }

    #[test]
    fn a_member_more_or_less_is_a_difference() {
        assert!(same_json(&json!({"a": 1, "b": null}), &json!({"b": null, "a": 1})));
        assert!(!same_json(&json!({"a": 1, "b": null}), &json!({"a": 1})));
        assert!(!same_json(&json!([1, 2]), &json!([2, 1])));
        assert!(!same_json(&json!("1"), &json!(1)));
    }
}
