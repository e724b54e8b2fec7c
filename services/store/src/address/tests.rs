//! URLs of this world and of others.

use super::error::FORM;
use super::*;

fn read(url: &str) -> Address {
    Address::parse(url, None).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn names(url: &str) -> Vec<String> {
    read(url).hosts.into_iter().map(|host| host.name).collect()
}

fn refused(url: &str) -> String {
    Address::parse(url, None).expect_err(url).to_string()
}

#[test]
fn one_host_is_as_it_was() {
    let address = read("postgres://user:secret@db.example:5433/events?sslmode=disable");
    assert_eq!(address.wants, Wants::Any);
    let [host] = &address.hosts[..] else { panic!("{address:?}") };
    assert_eq!(host.name, "db.example:5433");
    assert_eq!(host.options.get_host(), "db.example");
    assert_eq!(host.options.get_port(), 5433);
    assert_eq!(host.options.get_username(), "user");
    assert_eq!(host.options.get_database(), Some("events"));
}

#[test]
fn several_hosts_are_tried_in_their_order_and_one_that_writes_is_wanted() {
    let address = read("postgresql://u@h1:5432,h2:5433,[::1]/db");
    assert_eq!(address.wants, Wants::ReadWrite);
    assert_eq!(names("postgresql://u@h1:5432,h2:5433,[::1]/db"), ["h1:5432", "h2:5433", "[::1]:5432"]);
    assert_eq!(read("postgres://u@h1,h2/db?target_session_attrs=any").wants, Wants::Any);
    assert_eq!(read("postgres://u@h1,h2/db?target_session_attrs=primary").wants, Wants::Primary);
    assert_eq!(names("postgres:///db?host=a,b&port=1,2&user=u"), ["a:1", "b:2"]);
    assert_eq!(names("postgres:///db?host=a,b&port=7"), ["a:7", "b:7"]);
}

#[test]
fn what_the_parameters_say_stands_above_the_rest() {
    let address = read("postgres://u:p@h/db?user=o%27ther&dbname=an%20other&host=%3A%3A1&connect_timeout=9");
    assert_eq!(address.hosts[0].options.get_username(), "o'ther");
    assert_eq!(address.hosts[0].options.get_database(), Some("an other"));
    assert_eq!(address.hosts[0].name, "[::1]:5432");
    assert_eq!(address.connect_within, Duration::from_secs(9));
}

#[test]
fn an_address_stands_above_the_name_whose_it_is() {
    for url in ["postgres://u@h/db?hostaddr=127.0.0.1&host=name", "postgres://u@h/db?host=name&hostaddr=127.0.0.1"] {
        assert_eq!(names(url), ["127.0.0.1:5432"], "{url}");
    }
}

fn defaults(variables: &[(&str, &str)]) -> Result<Defaults, AddressError> {
    let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    Defaults::from_variables(get)
}

#[test]
fn the_variables_of_libpq_stand_in_for_what_the_url_lacks() {
    let all = [("PGHOST", "h1,h2"), ("PGPORT", "6000"), ("PGUSER", "u"), ("PGPASSWORD", "p"), ("PGDATABASE", "d")];
    let read = defaults(&all).unwrap();
    assert_eq!((read.hosts, read.port, read.user), (vec!["h1".to_owned(), "h2".to_owned()], 6000, "u".to_owned()));
    assert_eq!((read.password.as_deref(), read.database.as_deref()), (Some("p"), Some("d")));

    let nothing = all.map(|(name, _)| (name, " "));
    let read = defaults(&[&nothing[..], &[("PGOPTIONS", ""), ("PGSSLMODE", "")]].concat()).unwrap();
    assert_eq!((read.port, read.password, read.database), (5432, None, None));
    assert!(!read.hosts[0].is_empty() && !read.user.is_empty());
}

#[test]
fn a_variable_of_libpq_that_is_mistyped_is_named() {
    for (name, value) in [("PGPORT", "abc"), ("PGPORT", "0"), ("PGSSLMODE", "bogus"), ("PGOPTIONS", "-c x=y")] {
        let fault = defaults(&[(name, value)]).err().expect(name).to_string();
        assert!(fault.contains(name), "{fault}");
    }
    let fault = defaults(&[("PGSSLMODE", "require")]).err().unwrap().to_string();
    assert!(fault.contains("demands TLS"), "{fault}");
}

#[test]
fn a_unix_socket_is_named_by_its_directory() {
    for url in ["postgres://u@/db?host=/var/run/postgresql", "postgres://u@%2Fvar%2Frun%2Fpostgresql:5432/db"] {
        let options = read(url).hosts[0].options.clone();
        assert_eq!(options.get_socket().and_then(|path| path.to_str()), Some("/var/run/postgresql"), "{url}");
        assert_eq!(names(url), ["/var/run/postgresql/.s.PGSQL.5432"]);
    }
}

#[test]
fn any_password_goes_in_encoded() {
    let password = "a/b#c%41@:?&= ü";
    let given = Address::parse("postgres://u:another@h/db", Some(password)).unwrap();
    let encoded = utf8_percent_encode(password, NON_ALPHANUMERIC);
    for address in [given, read(&format!("postgres://u:{encoded}@h/db"))] {
        let held = format!("{:?}", address.hosts[0].options);
        assert!(held.contains(&format!("password: Some({password:?})")), "{held}");
        assert!(!format!("{address:?}").contains("a/b"), "{address:?}");
    }
}

#[test]
fn forms_of_other_worlds_are_named_with_what_to_write() {
    let cases = [
        ("jdbc:postgresql://h:5432/db?user=u&password=hidden", "take jdbc: away"),
        ("postgresql+asyncpg://u:hidden@h/db", "postgresql+driver://"),
        ("postgres+psycopg2://u:hidden@h/db", "postgresql+driver://"),
        ("mysql://u:hidden@h/db", "mysql:// is no scheme of PostgreSQL"),
        ("host=h user=u password=hidden", "a list of name=value"),
        ("h:5432/db", "no scheme"),
        ("", "empty"),
        ("postgres://u:hidden@h/db?schema=app", "set DATABASE_SCHEMA"),
        ("postgres://u:hidden@h/db?currentSchema=app", "set DATABASE_SCHEMA"),
        ("postgres://u:hidden@h/db?options=-csearch_path%3Dapp", "set DATABASE_SCHEMA"),
        ("postgres://u:hidden@h/db?options[search_path]=app", "set DATABASE_SCHEMA"),
        ("postgres://u:hidden@h/db?sslmode=require", "built without"),
        ("postgres://u:hidden@h/db?sslmode=hidden", "sslmode may be"),
        ("postgres://u:hidden@h/db?sslrootcert=hidden", "sslrootcert is not understood"),
        ("postgres://u:hidden@h/db?pgbouncer=true", "pgbouncer is not understood"),
        ("postgres://u:hidden@h/db?hidden", "not name=value"),
        ("postgres://u:hidden@h1,h2/db?target_session_attrs=prefer-standby", "oncelog writes"),
        ("postgres://u:hidden@h1,h2/db?port=1,2,3", "as many ports"),
        ("postgres://u:hidden@h/db?connect_timeout=0", "from 1 to 60"),
        ("postgres://u:hidden@h:port/db", "the port of host 1"),
        ("postgres://u:hidden@h1,h2:99999/db", "the port of host 2"),
        ("postgres://u:hidden@[::1/db", "[ without ]"),
        ("postgres://u:%ff@h/db", "not UTF-8"),
    ];
    for (url, what) in cases {
        let error = refused(url);
        assert!(error.contains(what), "{url}: {error}");
        assert!(error.contains(FORM), "{url}: {error}");
        assert!(!error.contains("hidden"), "a value is shown: {error}");
    }
}

#[test]
fn a_password_that_is_not_encoded_is_recognised_and_not_shown() {
    for password in ["hid/den", "hid#den", "hid?den", "5432/hidden", "hid@den/x", "hid@den?x=y", "hid@h:1/den?a=b"] {
        let error = refused(&format!("postgres://u:{password}@h/db"));
        assert!(!error.contains("hid") && !error.contains("den"), "{error}");
        assert!(error.contains("DATABASE_PASSWORD"), "{password}: {error}");
    }
    for cut in ["u@h/db?password=hid&den=ef", "u:1?den=hid@h/db", "u@h/db?password=hid&den%41=%ff", "u@h/db?user=a&den"]
    {
        let error = refused(&format!("postgres://{cut}"));
        assert!(!error.contains("hid") && !error.contains("den"), "{error}");
        assert!(error.contains("parameter "), "{error}");
    }
    // These can't be mistaken for anything else.
    for password in ["a@b", "a:b", "a%b", "a&b"] {
        read(&format!("postgres://u:{password}@h/db"));
    }
}
