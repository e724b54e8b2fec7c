//! Which copy of the database this is, and who is in the group that would work with it.

use store::{DatabaseCopy, Standing};

use super::kafka::{self, Log};
use super::report::Check;

const NAME: &str = "database copy";
const AS_NEW: &str = "oncelog migrate --as-new";

pub(super) async fn check(copy: Option<&DatabaseCopy>, group: Option<&str>, log: Option<&Log>) -> Check {
    let (Some(copy), Some(group)) = (copy, group) else {
        return Check::skipped(NAME, "there are no tables that would say so");
    };
    let members = match copy.standing(group) {
        Standing::Another => kafka::members(log, group).await,
        Standing::Same | Standing::Unkept => None,
    };
    judge(copy, group, members)
}

fn judge(copy: &DatabaseCopy, group: &str, members: Option<usize>) -> Check {
    let place = copy.place();
    // Where only oids are known, a dump that is restored on another server might be taken for the original.
    let by = if copy.is_certain() { "" } else { ", by oids alone: pg_control_system() can't be called" };
    let who = match (copy.standing(group), members) {
        (Standing::Same, _) => return Check::ok(NAME, format!("{place}, worked with by the group {group}{by}")),
        (Standing::Unkept, _) => {
            return Check::ok(NAME, format!("{place}, kept by the first consumer that starts{by}"));
        }
        (Standing::Another, members) if copy.was_refused(group) => {
            let refusal = copy.refusal(group, members.unwrap_or_default());
            return Check::fail(NAME, refusal.to_string(), format!("{AS_NEW} (or KAFKA_GROUP=…)"));
        }
        (Standing::Another, Some(members @ 1..)) => {
            let fix = format!("{AS_NEW} (or KAFKA_GROUP=…), or stop the members of the group {group}");
            return Check::fail(NAME, copy.refusal(group, members).to_string(), fix);
        }
        (Standing::Another, Some(0)) => format!("nobody is in the group {group}: a consumer that starts joins it"),
        (Standing::Another, None) => format!("whether the group {group} has members is not told"),
    };
    let fix = format!("{AS_NEW}, if it is to live beside the original");
    Check::warn(NAME, format!("{}; {who}{by}", copy.difference(group)), fix)
}
