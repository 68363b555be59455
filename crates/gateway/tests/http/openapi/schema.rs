//! The part of JSON Schema that the description uses; a keyword it does not know is an error, so
//! that nothing is passed over in silence.

use serde_json::Value;

#[track_caller]
pub fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Err(why) = valid(document, schema, value, at) {
        panic!("{why}\nin {value:#}");
    }
}

fn valid(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let refuse = |why: String| Err(format!("{at}: {why}"));
    for (keyword, rule) in schema.as_object().ok_or(format!("{at}: no schema"))? {
        match keyword.as_str() {
            "$ref" => {
                let to = rule.as_str().unwrap();
                valid(document, document.pointer(&to[1..]).unwrap(), value, at)?;
            }
            "type" => {
                let named = |it: &Value| is(it.as_str().unwrap(), value);
                let fits = rule.as_array().map_or_else(|| named(rule), |all| all.iter().any(named));
                if !fits {
                    return refuse(format!("{value} is no {rule}"));
                }
            }
            "const" if rule != value => return refuse(format!("{value} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                return refuse(format!("{value} is not in {rule}"));
            }
            "minimum" if value.as_f64() < rule.as_f64() && value.is_number() => {
                return refuse(format!("{value} < {rule}"));
            }
            "maximum" if value.as_f64() > rule.as_f64() && value.is_number() => {
                return refuse(format!("{value} > {rule}"));
            }
            "oneOf" => {
                let fitting = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|it| valid(document, it, value, at).is_ok());
                let fitting = fitting.count();
                if fitting != 1 {
                    return refuse(format!("{fitting} alternatives fit {value}"));
                }
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    valid(document, rule, item, &format!("{at}[{place}]"))?;
                }
            }
            "properties" => {
                for (name, inner) in rule.as_object().unwrap() {
                    if let Some(field) = value.get(name) {
                        valid(document, inner, field, &format!("{at}.{name}"))?;
                    }
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                        return refuse(format!("{name} is missing"));
                    }
                }
            }
            "additionalProperties" => {
                let listed = schema.get("properties").and_then(Value::as_object);
                for (name, field) in value.as_object().into_iter().flatten() {
                    if listed.is_some_and(|it| it.contains_key(name)) {
                        continue;
                    }
                    match rule {
                        Value::Bool(true) => {}
                        Value::Bool(false) => return refuse(format!("`{name}` is not described")),
                        inner => valid(document, inner, field, &format!("{at}.{name}"))?,
                    }
                }
            }
            // Lengths and patterns are the server's to enforce, and have tests of their own.
            "const" | "enum" | "minimum" | "maximum" | "description" | "minItems" | "maxItems"
            | "minLength" | "minProperties" | "maxProperties" | "pattern" | "format" => {}
            other => return refuse(format!("the checker does not know `{other}`")),
        }
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    }
}
