//! The unprivileged user for broker and database, where root starts them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A user to become. PostgreSQL refuses to run as root, and the broker has no need to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunAs {
    pub(crate) name: String,
    uid: u32,
    gid: u32,
}

impl RunAs {
    /// Nobody else, unless this process is root's: then `postgres`, or else `nobody`.
    pub(crate) fn choose() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
        ["postgres", "nobody"].iter().find_map(|name| find(&users, name)).map(Some).ok_or_else(|| Error::Missing {
            what: "an unprivileged user (postgres or nobody)".into(),
            advice: "Create one: useradd --system postgres".into(),
        })
    }

    /// As [`RunAs::choose`], but whoever owns `data` already goes on with them: on a machine that gets a
    /// user `postgres` later, another user could not read them.
    pub(crate) fn choose_for(data: &Path) -> Result<Option<Self>> {
        let chosen = Self::choose()?;
        let owner = data.metadata().ok().filter(|meta| meta.uid() != 0);
        Ok(chosen.map(|chosen| match owner {
            Some(meta) if meta.uid() != chosen.uid => {
                RunAs { name: format!("user {}", meta.uid()), uid: meta.uid(), gid: meta.gid() }
            }
            _ => chosen,
        }))
    }

    pub(crate) fn setpriv_args(&self) -> [String; 5] {
        let (uid, gid) = (self.uid.to_string(), self.gid.to_string());
        ["--reuid".into(), uid, "--regid".into(), gid, "--clear-groups".into()]
    }

    /// Gives `path` to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(Error::io(format!(
            "give {} to {}",
            path.display(),
            self.name
        )))
    }

    /// Whether this user can come as far as `path` and look into it. What does not exist yet is
    /// judged by its nearest ancestor, since it will be made readable.
    pub(crate) fn reaches(&self, path: &Path) -> bool {
        let real: PathBuf = path.ancestors().find_map(|p| p.canonicalize().ok()).unwrap_or_default();
        real.ancestors().all(|dir| self.enters(dir))
    }

    fn enters(&self, dir: &Path) -> bool {
        let Ok(meta) = dir.metadata() else {
            return false;
        };
        let mode = meta.permissions().mode();
        mode & 0o001 != 0
            || (meta.uid() == self.uid && mode & 0o100 != 0)
            || (meta.gid() == self.gid && mode & 0o010 != 0)
    }
}

fn find(users: &str, name: &str) -> Option<RunAs> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(RunAs { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "postgresql:x:1:1::/:/bin/sh\npostgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        let expected = RunAs { name: "postgres".into(), uid: 101, gid: 104 };
        assert_eq!(find(users, "postgres").unwrap(), expected);
        assert_eq!(find(users, "nobody"), None);
    }

    #[test]
    fn data_stay_with_the_user_who_owns_them() {
        let dir = tempfile::tempdir().unwrap();
        let found = RunAs::choose_for(dir.path()).unwrap();
        assert_eq!(found, RunAs::choose().unwrap(), "root's own are given to somebody else");
        if rustix::process::geteuid().is_root() {
            chown(dir.path(), Some(4_321), Some(1_234)).unwrap();
            let found = RunAs::choose_for(dir.path()).unwrap().unwrap();
            assert_eq!((found.uid, found.gid), (4_321, 1_234));
        }
    }

    #[test]
    fn a_private_directory_is_out_of_reach() {
        let dir = tempfile::tempdir().unwrap();
        let nobody = RunAs { name: "nobody".into(), uid: 65_534, gid: 65_534 };
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!nobody.reaches(&dir.path().join("not/there/yet")));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(nobody.reaches(&dir.path().join("not/there/yet")));
    }
}
