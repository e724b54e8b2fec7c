//! `KAFKA_PROPERTIES`: `name=value`, separated by commas; in a file, one per line.
//!
//! A value in double quotes may hold anything, a double quote being written twice. An entry that can't be
//! read is named by its place, never by its text: that may be the second half of a password with a comma.

use broker::SetBy;

/// Where one entry ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Commas and line breaks.
    Variable,
    /// Line breaks; a line that begins with `#` is a comment.
    File,
}

impl Form {
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Variable => {
                "name=value, separated by commas; a value with a comma in double quotes, as in \
                 sasl.password=\"a,b\" (a double quote in it is written twice)"
            }
            Self::File => "name=value, one per line; # begins a comment line",
        }
    }
}

/// All entries, or what is wrong with the first that can't be taken.
pub(crate) fn parse(text: &str, form: Form) -> Result<Vec<(String, String)>, String> {
    let ends = |c: char| c == '\n' || (form == Form::Variable && c == ',');
    let mut rest = text;
    let mut found: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ends(c));
        if rest.is_empty() {
            return Ok(found);
        }
        if form == Form::File && rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, next)| next);
            continue;
        }
        let (property, next) = entry(rest, ends).map_err(|fault| format!("entry {} {fault}", found.len() + 1))?;
        match broker::set_by(&property.0) {
            None => {}
            Some(SetBy::Setting(setting)) => return Err(format!("{} is set by {setting}", property.0)),
            Some(SetBy::Oncelog) => {
                return Err(format!("{} is set by oncelog: its guarantees or limits rest on it", property.0));
            }
        }
        if !broker::knows_property(&property.0) {
            return Err(format!(
                "entry {} is no property of librdkafka, or the rest of a value with a comma in it",
                found.len() + 1
            ));
        }
        found.push(property);
        rest = next;
    }
}

/// The first entry, and what comes after it.
fn entry(text: &str, ends: impl Fn(char) -> bool) -> Result<((String, String), &str), &'static str> {
    let end = text.find(&ends).unwrap_or(text.len());
    let (name, _) = text[..end].split_once('=').ok_or("is not name=value")?;
    let value = text[name.len() + 1..].trim_start_matches([' ', '\t']);
    let (value, next) = if let Some(quoted) = value.strip_prefix('"') {
        unquote(quoted)?
    } else {
        let (value, next) = value.split_at(value.find(&ends).unwrap_or(value.len()));
        (value.trim().to_owned(), next)
    };
    let next = next.trim_start_matches([' ', '\t', '\r']);
    if next.starts_with(&ends) || next.is_empty() {
        return Ok(((name.trim().to_owned(), value), next));
    }
    Err("has text behind its closing quote")
}

/// What stands before the closing quote, and what behind it.
fn unquote(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"').ok_or("has no closing quote")?;
        value.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return Ok((value, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, form: Form) -> Vec<(String, String)> {
        parse(text, form).unwrap_or_else(|fault| panic!("{fault}"))
    }

    fn password(text: &str, form: Form) -> String {
        let properties = read(text, form);
        let found = properties.into_iter().find(|(name, _)| name == "sasl.password");
        found.map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn a_password_may_hold_anything() {
        for (written, meant) in [
            ("sasl.password=a=b", "a=b"),
            (" sasl.password = a b , client.id=x", "a b"),
            (r#"sasl.password="a,b=c "" d ",client.id=x"#, "a,b=c \" d "),
            (r#"client.id=x,sasl.password=a"b"#, "a\"b"),
            ("client.id=x\nsasl.password=a\r\n", "a"),
            ("sasl.password=\"\"", ""),
        ] {
            assert_eq!(password(written, Form::Variable), meant, "{written}");
        }
    }

    #[test]
    fn a_file_has_one_property_per_line_and_comments() {
        let file = "# who\nsasl.username = me\n\n  # what\r\nsasl.password = a,b#c=d e\r\nclient.id=\"x\"\n";
        assert_eq!(read(file, Form::File).len(), 3);
        assert_eq!(password(file, Form::File), "a,b#c=d e");
        assert_eq!(read("", Form::File), []);
    }

    #[test]
    fn a_fault_is_named_by_its_place_and_never_shown() {
        for (written, fault) in [
            ("sasl.password=hun,ter2", "entry 2 is not name=value"),
            ("sasl.password=hun,ter2=x", "entry 2 is no property"),
            ("sasl.password=\"hunter2", "entry 1 has no closing quote"),
            ("client.id=x, sasl.password=\"hun\"ter2", "entry 2 has text behind"),
        ] {
            let said = parse(written, Form::Variable).unwrap_err();
            assert!(said.starts_with(fault) && !said.contains("ter2"), "{said}");
        }
    }

    #[test]
    fn a_property_that_oncelog_sets_is_refused_under_each_of_its_names_with_the_setting_to_use() {
        for (name, by) in [
            ("isolation.level", "oncelog: its guarantees"),
            ("delivery.timeout.ms", "oncelog: its guarantees"),
            ("group.instance.id", "KAFKA_INSTANCE_ID"),
            ("session.timeout.ms", "KAFKA_SESSION_TIMEOUT"),
            ("heartbeat.interval.ms", "KAFKA_SESSION_TIMEOUT"),
            ("linger.ms", "PRODUCER_LINGER"),
            ("queue.buffering.max.ms", "PRODUCER_LINGER"),
            ("max.partition.fetch.bytes", "CONSUMER_FETCH_BYTES"),
        ] {
            let said = parse(&format!("{name} = 1"), Form::File).unwrap_err();
            assert!(said.starts_with(&format!("{name} is set by {by}")), "{said}");
        }
    }
}
