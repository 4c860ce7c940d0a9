//! Coordinate reference systems as files name them: WGS 84 is taken, under any of
//! its names, and nothing else is.

use geojson::JsonValue;

use super::error::quoted;

/// What a `crs` member of the GeoJSON of 2008 stands for, where it is not WGS 84.
/// `null` and a member that is missing say nothing else.
pub(super) fn other_than_wgs84(crs: Option<&JsonValue>) -> Result<(), String> {
    let Some(crs) = crs.filter(|crs| !crs.is_null()) else {
        return Ok(());
    };
    let named = |pointer: &str| match crs.pointer(pointer)? {
        JsonValue::String(name) => Some(name.clone()),
        JsonValue::Number(code) => Some(format!("EPSG:{code}")),
        _ => None,
    };
    // `name` as the specification has it, `code` of the draft before, and what a
    // link leads to.
    let name = ["/properties/name", "/properties/code", "/properties/href"]
        .into_iter()
        .find_map(named);
    match name {
        Some(name) if is_wgs84(&name) => Ok(()),
        Some(name) => Err(quoted(&name)),
        None => Err(quoted(&crs.to_string())),
    }
}

/// Whether a name stands for WGS 84 in degrees, with a height or without:
/// `EPSG:4326`, `urn:ogc:def:crs:OGC:1.3:CRS84`,
/// `http://www.opengis.net/def/crs/EPSG/0/4326` and the like. Which axis those say
/// is first does not matter: in every format that is read it is the longitude.
pub(super) fn is_wgs84(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let mut parts: Vec<&str> = name
        .split([':', '/', '#'])
        .filter(|part| !part.is_empty())
        .collect();
    let code = parts.pop();
    let is_version = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let has = |authority: &str| {
        parts
            .iter()
            .any(|part| part.trim_end_matches(".xml") == authority)
    };
    let is_plain = parts.iter().all(|&part| {
        is_version(part)
            || matches!(
                part,
                "urn"
                    | "ogc"
                    | "x-ogc"
                    | "def"
                    | "crs"
                    | "epsg"
                    | "epsg.xml"
                    | "http"
                    | "https"
                    | "www.opengis.net"
                    | "opengis.net"
                    | "gml"
                    | "srs"
            )
    });
    match code {
        Some("crs84" | "crs84h") => is_plain && (parts.is_empty() || has("ogc")),
        Some("4326" | "4979") => is_plain && has("epsg"),
        Some("wgs84" | "wgs 84") => parts.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wgs_84_is_known_by_all_its_names_and_nothing_else_is() {
        for name in [
            "EPSG:4326",
            "epsg:4326",
            "urn:ogc:def:crs:EPSG::4326",
            "urn:ogc:def:crs:EPSG:9.9.1:4326",
            "urn:x-ogc:def:crs:EPSG:4326",
            "urn:ogc:def:crs:OGC:1.3:CRS84",
            "urn:ogc:def:crs:OGC::CRS84",
            "URN:OGC:DEF:CRS:OGC:1.3:CRS84",
            "OGC:CRS84",
            "CRS84",
            "http://www.opengis.net/def/crs/EPSG/0/4326",
            "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
            "http://www.opengis.net/def/crs/OGC/0/CRS84h",
            "http://www.opengis.net/gml/srs/epsg.xml#4326",
            "urn:ogc:def:crs:EPSG::4979",
            "WGS84",
        ] {
            assert!(is_wgs84(name), "{name}");
        }
        for name in [
            "EPSG:3857",
            "EPSG:14326",
            "4326",
            "urn:ogc:def:crs:OGC:1.3:CRS83",
            "urn:ogc:def:crs:OGC:1.3:NOCRS84",
            "urn:ogc:def:crs,crs:EPSG::4326,crs:EPSG::5773",
            "ESRI:4326",
            "http://www.opengis.net/def/crs/EPSG/0/2056",
            "",
        ] {
            assert!(!is_wgs84(name), "{name}");
        }
    }

    #[test]
    fn a_crs_of_any_kind_says_what_it_is() {
        for crs in [
            json!({"type": "EPSG", "properties": {"code": 4326}}),
            json!({"type": "EPSG", "properties": {"code": "epsg:4326"}}),
            json!({"type": "name", "properties": {"name": "EPSG:4326"}}),
            json!({"type": "link", "properties": {"href": "http://www.opengis.net/def/crs/EPSG/0/4326"}}),
            json!(null),
        ] {
            assert_eq!(other_than_wgs84(Some(&crs)), Ok(()), "{crs}");
        }
        for (crs, said) in [
            (
                json!({"type": "EPSG", "properties": {"code": 2056}}),
                "EPSG:2056",
            ),
            (
                json!({"type": "link", "properties": {"href": "my.prj"}}),
                "my.prj",
            ),
            (json!({"type": "name", "properties": {"name": [1]}}), "type"),
            (json!("EPSG:3857"), "EPSG:3857"),
        ] {
            let refused = other_than_wgs84(Some(&crs)).unwrap_err();
            assert!(refused.contains(said), "{crs}: {refused}");
        }
    }
}
