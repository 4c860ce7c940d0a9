//! `openapi.yaml` as a judge of responses, and the judge judged: routes, codes
//! and examples.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use nearby::http::code::Code;
use nearby::http::routes::ROUTES;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

/// The contract as it is in the repository.
pub static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let text = include_str!("../../../openapi.yaml");
    Contract::new(yaml_serde::from_str(text).expect("openapi.yaml is YAML"))
});

/// The same for requests that do not choose the members of centers, which are all there
/// then.
pub static PLAIN_CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let mut contract = CONTRACT.0.clone();
    contract["components"]["schemas"]["SomeOfCenter"] = json!(false);
    Contract::new(contract)
});

pub struct Contract(Value, Validators);

/// What judges values, by the pointer to its schema: making one takes longer than most tests
/// take to be answered.
type Validators = Mutex<HashMap<String, Arc<Validator>>>;

/// Parts of the document, followed to where a reference leads.
#[derive(Clone)]
struct Place {
    pointer: String,
}

impl Contract {
    fn new(document: Value) -> Self {
        Self(document, Validators::default())
    }

    /// Panics unless the contract allows this response to this request.
    pub fn check(
        &self,
        method: &Method,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) {
        let what = format!("{method} {path} answered {status}");
        assert!(headers.contains_key("x-request-id"), "{what} without an id");
        if method == Method::OPTIONS {
            return;
        }
        let Some(operation) = self.operation(method, path) else {
            // Nothing is promised of what is not there but how that is said.
            assert!(matches!(status, 404 | 405), "{what}: not in openapi.yaml");
            if method == Method::HEAD {
                return assert!(body.is_empty(), "{what}: a body for HEAD");
            }
            if path.starts_with("/api/v1/") {
                return self.check_schema(
                    "/components/schemas/DivemapDetail",
                    &json_of(body),
                    &what,
                );
            }
            assert_eq!(headers[CONTENT_TYPE], "application/problem+json", "{what}");
            return self.check_schema("/components/schemas/Problem", &json_of(body), &what);
        };
        let response = self.at(&operation.child("responses").child(&status.to_string()));
        let response = response.unwrap_or_else(|| panic!("{what}: not in openapi.yaml"));
        self.check_headers(&response, headers, &what);
        let Some(content) = self.at(&response.child("content")) else {
            assert!(body.is_empty(), "{what}: a body where there is none");
            return;
        };
        let content_type = headers[CONTENT_TYPE].to_str().expect("a text");
        let essence = content_type.split(';').next().expect("one part at least");
        let schema = self
            .at(&content.child(essence).child("schema"))
            .unwrap_or_else(|| panic!("{what}: {essence} is not in openapi.yaml"));
        if method == Method::HEAD {
            return assert!(body.is_empty(), "{what}: a body for HEAD");
        }
        let value = if essence.ends_with("json") {
            json_of(body)
        } else {
            let is_text = essence != "application/vnd.mapbox-vector-tile";
            assert!(
                !is_text || std::str::from_utf8(body).is_ok(),
                "{what}: a text"
            );
            Value::String(String::from_utf8_lossy(body).into_owned())
        };
        self.check_schema(&schema.pointer, &value, &what);
        if essence == "application/problem+json" {
            assert_eq!(value["status"], status, "{what}");
            assert_eq!(
                value["request_id"].as_str(),
                headers["x-request-id"].to_str().ok(),
                "{what}"
            );
        }
    }

    fn check_headers(&self, response: &Place, headers: &HeaderMap, what: &str) {
        let Some(promised) = self.at(&response.child("headers")) else {
            return;
        };
        for name in self.value(&promised).as_object().expect("a map").keys() {
            let header = self.at(&promised.child(name)).expect("a header");
            let Some(got) = headers.get(name) else {
                let is_required = &self.value(&header)["required"];
                assert_ne!(*is_required, true, "{what}: {name} is missing");
                continue;
            };
            let schema = header.child("schema");
            let got = json!(got.to_str().expect("a text"));
            self.check_schema(&schema.pointer, &got, what);
        }
    }

    fn check_schema(&self, pointer: &str, value: &Value, what: &str) {
        let validator = self.validator(pointer);
        let errors: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:?} in {value}");
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let known = self
            .1
            .lock()
            .expect("nobody panics with it")
            .get(pointer)
            .cloned();
        if let Some(validator) = known {
            return validator;
        }
        let mut schema = self.0.clone();
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        // A reference is a URI, where braces are escaped.
        let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
        schema["$ref"] = json!(format!("#{fragment}"));
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .expect("openapi.yaml holds schemas");
        let validator = Arc::new(validator);
        let mut known = self.1.lock().expect("nobody panics with it");
        known.insert(pointer.to_owned(), Arc::clone(&validator));
        validator
    }

    /// The operation that serves a path; a fixed path goes before a pattern.
    fn operation(&self, method: &Method, path: &str) -> Option<Place> {
        let paths = self.0["paths"].as_object().expect("a map");
        let mut patterns: Vec<&String> = paths.keys().filter(|p| fits(p, path)).collect();
        patterns.sort_by_key(|pattern| pattern.contains('{'));
        let method = match *method {
            Method::HEAD => "get".to_owned(),
            ref other => other.as_str().to_lowercase(),
        };
        let root = Place {
            pointer: "/paths".into(),
        };
        self.at(&root.child(patterns.first()?).child(&method))
    }

    /// The place itself, or the one that it refers to; `None` where nothing is.
    fn at(&self, place: &Place) -> Option<Place> {
        let value = self.0.pointer(&place.pointer)?;
        match value["$ref"].as_str() {
            Some(reference) if !place.pointer.ends_with("/schema") => self.at(&Place {
                pointer: reference.trim_start_matches('#').to_owned(),
            }),
            _ => Some(place.clone()),
        }
    }

    fn value(&self, place: &Place) -> &Value {
        self.0.pointer(&place.pointer).expect("the place exists")
    }
}

impl Place {
    fn child(&self, key: &str) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self {
            pointer: format!("{}/{key}", self.pointer),
        }
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern
            .zip(path)
            .all(|(expected, got)| expected == got || expected.starts_with('{') && !got.is_empty())
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

#[test]
fn the_routes_and_the_paths_of_the_contract_are_the_same() {
    let served: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.pattern.to_owned(), route.method.to_lowercase()))
        .collect();
    let mut promised = BTreeSet::new();
    for (path, operations) in CONTRACT.0["paths"].as_object().unwrap() {
        for key in operations.as_object().unwrap().keys() {
            if key != "parameters" {
                promised.insert((path.clone(), key.clone()));
            }
        }
    }
    assert_eq!(served, promised);
}

#[test]
fn the_codes_and_those_of_the_contract_are_the_same() {
    let made: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let promised = &CONTRACT.0["components"]["schemas"]["ProblemCode"]["enum"];
    assert_eq!(json!(made), *promised);
}

#[test]
fn every_code_is_told_beside_the_responses_of_its_status() {
    let responses = CONTRACT.0["components"]["responses"].as_object().unwrap();
    // What belongs to no path is told at the beginning.
    let told: String = responses
        .values()
        .chain([&CONTRACT.0["info"]])
        .map(|response| response["description"].as_str().unwrap())
        .collect();
    for code in Code::ALL {
        // These two belong to no path or method that is in the contract.
        if matches!(code, Code::PathUnknown | Code::MethodNotAllowed) {
            continue;
        }
        assert!(told.contains(&format!("`{}`", code.name())), "{code:?}");
    }
}

#[test]
fn the_examples_of_the_contract_are_valid() {
    let mut checked = 0;
    let mut places = vec![Place {
        pointer: String::new(),
    }];
    while let Some(place) = places.pop() {
        match CONTRACT.value(&place) {
            Value::Object(members) => {
                if let (Some(example), Some(_)) = (members.get("example"), members.get("schema")) {
                    let schema = place.child("schema");
                    CONTRACT.check_schema(&schema.pointer, example, &place.pointer);
                    checked += 1;
                }
                places.extend(members.keys().map(|key| place.child(key)));
            }
            Value::Array(items) => {
                places.extend((0..items.len()).map(|index| place.child(&index.to_string())));
            }
            _ => {}
        }
    }
    assert!(checked >= 10, "only {checked} examples were found");
}

#[test]
fn the_judge_refuses_what_the_contract_does_not_allow() {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", "a".parse().unwrap());
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    let refused = |path: &str, status: u16, body: &str| {
        std::panic::catch_unwind(|| {
            CONTRACT.check(&Method::GET, path, status, &headers, body.as_bytes());
        })
        .is_err()
    };
    assert!(!refused("/healthz", 200, r#"{"status":"ok"}"#));
    assert!(refused("/healthz", 200, r#"{"status":"bad"}"#));
    assert!(refused("/healthz", 200, r#"{"status":"ok","more":1}"#));
    assert!(refused("/healthz", 418, r#"{"status":"ok"}"#));
    assert!(refused("/unknown", 200, "{}"));
    let nameless = json!({ "count": 1, "next": null, "centers": [{ "id": 7 }] });
    let is_plain = || {
        PLAIN_CONTRACT.check(
            &Method::GET,
            "/centers",
            200,
            &headers,
            nameless.to_string().as_bytes(),
        );
    };
    assert!(!refused("/centers", 200, &nameless.to_string()));
    assert!(std::panic::catch_unwind(is_plain).is_err());
}
