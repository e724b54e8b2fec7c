use super::*;

#[track_caller]
fn assert_taken(text: &str) {
    assert_eq!(scan(text), Ok(()), "{text}");
}

#[track_caller]
fn assert_defect(text: &str, defect: PayloadDefect) {
    assert_eq!(scan(text).map_err(|found| found.defect), Err(defect), "{text}");
}

#[track_caller]
fn assert_not_json(text: &str) {
    let found = scan(text).map_err(|found| found.defect);
    assert!(matches!(found, Err(PayloadDefect::Expected(_))), "{text}: {found:?}");
}

fn nested(levels: usize) -> String {
    let arrays = levels - 1;
    format!(r#"{{"a":{}{}}}"#, "[".repeat(arrays), "]".repeat(arrays))
}

#[test]
fn objects_are_taken_with_every_kind_of_value_in_them() {
    for text in [
        "{}",
        "{ \t\r\n}",
        r#"{"a":1}"#,
        r#"{"a":[],"b":{},"c":[{}],"d":[[],[]]}"#,
        r#"{ "a" : [ 1 , "x" , true , false , null , { "b" : -0.5e-3 } ] , "" : "" }"#,
        r#"{"a":1,"a":2}"#,
        r#"{"ключ":"значение 🦀"}"#,
    ] {
        assert_taken(text);
    }
}

#[test]
fn anything_but_an_object_is_refused() {
    for text in ["", "null", "1", r#""{}""#, "[]", "true", "[{}]"] {
        assert_defect(text, PayloadDefect::NotAnObject);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "{",
        "{}}",
        "{} {}",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        r#"{"a":1 "b":2}"#,
        r"{a:1}",
        r"{'a':1}",
        r"{1:1}",
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":[1}"#,
        r#"{"a":[1 2]}"#,
        r#"{"a":{]}"#,
        r#"{"a":[1"#,
        r#"{"a":tru}"#,
        r#"{"a":nullx}"#,
        r#"{"a":NaN}"#,
        r#"{"a":Infinity}"#,
        r#"{"a":"unclosed}"#,
        r#"{"a":"\x41"}"#,
        r#"{"a":"\"#,
        "{\"a\":\"line\nbreak\"}",
        "{\"a\":\"tab\there, far enough for eight bytes\"}",
        "{\"a\":\u{a0}1}",
        "{} // no comments",
    ] {
        assert_not_json(text);
    }
}

#[test]
fn nesting_ends_at_64_levels() {
    assert_taken(&nested(64));
    assert_defect(&nested(65), PayloadDefect::TooDeep);
    let objects = |levels: usize| r#"{"a":"#.repeat(levels - 1) + "{}" + &"}".repeat(levels - 1);
    assert_taken(&objects(64));
    assert_defect(&objects(65), PayloadDefect::TooDeep);
}

#[test]
fn nesting_is_depth_not_number() {
    assert_taken(&format!(r#"{{"a":[{}[]]}}"#, "[[]],{},".repeat(1_000)));
}

#[test]
fn ten_thousand_levels_cost_no_stack() {
    assert_defect(&nested(10_000), PayloadDefect::TooDeep);
    assert_defect(&r#"{"a":"#.repeat(1_000_000), PayloadDefect::TooDeep);
}

#[test]
fn mixed_levels_close_in_their_order() {
    assert_taken(r#"{"a":[{"b":[{"c":[]}]}]}"#);
    assert_not_json(r#"{"a":[{"b":[{"c":[]]}]}"#);
}

#[test]
fn numbers_are_those_of_json() {
    for number in ["0", "-0", "10", "0.0", "-1.50", "1e5", "1E+5", "1.5e-5", "0e0"] {
        assert_taken(&format!(r#"{{"a":{number}}}"#));
    }
    for number in ["01", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1_000", "--1", "00", "-01"] {
        assert_not_json(&format!(r#"{{"a":{number}}}"#));
    }
}

#[test]
fn a_number_has_at_most_64_digits_wherever_its_point_is() {
    let number = |whole, fraction| {
        let (whole, fraction) = ("7".repeat(whole), "7".repeat(fraction));
        format!(r#"{{"a":-{whole}.{fraction}e-308}}"#)
    };
    assert_taken(&format!(r#"{{"a":{}}}"#, "7".repeat(64)));
    assert_defect(&format!(r#"{{"a":{}}}"#, "7".repeat(65)), PayloadDefect::TooManyDigits(65));
    assert_taken(&number(1, 63));
    assert_taken(&number(63, 1));
    assert_defect(&number(1, 64), PayloadDefect::TooManyDigits(65));
    assert_defect(&number(64, 1), PayloadDefect::TooManyDigits(65));
}

#[test]
fn an_exponent_lies_within_308_as_it_is_written() {
    for number in ["1e308", "1e-308", "1E+308", "1e0308", "0e308"] {
        assert_taken(&format!(r#"{{"a":{number}}}"#));
    }
    for number in ["1e309", "1e-309", "0e309", "1e400", "1e4294967297", "1e-18446744073709551617"] {
        assert_defect(&format!(r#"{{"a":{number}}}"#), PayloadDefect::Exponent);
    }
}

#[test]
fn exponents_add_up_to_one_mi_at_most() {
    let numbers = |count| format!(r#"{{"a":[{}0e128]}}"#, "1e-256,".repeat(count));
    assert_taken(&numbers(4095));
    assert_defect(&numbers(4096), PayloadDefect::ExponentsSum);
    assert_defect(&format!(r#"{{"a":[{}0]}}"#, "1e308,".repeat(100_000)), PayloadDefect::ExponentsSum);
}

#[test]
fn u_0000_is_refused_and_what_only_looks_like_it_is_not() {
    assert_defect(r#"{"a":"\u0000"}"#, PayloadDefect::Nul);
    assert_defect(r#"{"a":"x\u0000y"}"#, PayloadDefect::Nul);
    assert_defect(r#"{"\u0000":1}"#, PayloadDefect::Nul);
    assert_taken(r#"{"a":"\\u0000"}"#);
    assert_taken(r#"{"a":"\u0001"}"#);
    assert_not_json("{\"a\":\"\0\"}");
}

#[test]
fn surrogates_are_taken_in_pairs_only() {
    assert_taken(r#"{"a":"\ud83e\uDD80"}"#);
    assert_taken(r#"{"a":"\uD7FF\uE000\uFFFF"}"#);
    for lone in [
        r"\ud800",
        r"\udfff",
        r"\ud800x",
        r"\ud800\n",
        r"\ud800\u0041",
        r"\ud800\ud800",
        r"\udc00\ud800",
        r"\ud800\\udc00",
        r"\ud83e\udd80\udd80",
    ] {
        assert_defect(&format!(r#"{{"a":"{lone}"}}"#), PayloadDefect::LoneSurrogate);
        assert_defect(&format!(r#"{{"{lone}":1}}"#), PayloadDefect::LoneSurrogate);
    }
    assert_not_json(r#"{"a":"\ud800\u00"}"#);
    assert_not_json(r#"{"a":"\u00g0"}"#);
}

#[test]
fn a_defect_is_where_its_value_begins() {
    let at = |text| scan(text).map_err(|found| found.at);
    assert_eq!(at(r#"{"a":"xx\u0000"}"#), Err(5));
    assert_eq!(at(r#"{"a":1e999}"#), Err(5));
    assert_eq!(at(r#"{"a":1 x"#), Err(7));
}
