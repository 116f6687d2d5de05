//! What an import names.
//!
//! In: the importing module and the words of its import. Out: the path of the module that is meant. It must not look whether
//! it is there.

use super::FOLDER;

/// Why an import names no module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("imports are relative: `./…` or `../…`")]
    NotRelative,
    #[error("it leads out of the folder of functions")]
    Outside,
}

/// The path, below the folder of rules, of what `base` imports as `name`.
///
/// # Errors
/// [`Unresolved`]: that is no file below the folder of functions.
pub(super) fn resolve(base: &str, name: &str) -> Result<String, Unresolved> {
    if !name.starts_with("./") && !name.starts_with("../") {
        return Err(Unresolved::NotRelative);
    }
    let below = base.strip_prefix(FOLDER).ok_or(Unresolved::Outside)?;
    let mut path: Vec<&str> = below.split('/').collect();
    path.pop();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(path.pop().ok_or(Unresolved::Outside)?),
            part => path.push(part),
        }
    }
    Ok(format!("{FOLDER}{}", path.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_stay_within_the_folder() {
        for (base, name, path) in [
            ("functions/a.js", "./lib/b.js", Ok("functions/lib/b.js")),
            ("functions/lib/b.js", "../c.js", Ok("functions/c.js")),
            ("functions/lib/b.js", "./../lib/./c.js", Ok("functions/lib/c.js")),
            ("functions/a.js", "../a.js", Err(Unresolved::Outside)),
            ("functions/lib/b.js", "../../inlay.yaml", Err(Unresolved::Outside)),
            ("functions/a.js", "lodash", Err(Unresolved::NotRelative)),
            ("functions/a.js", "/etc/passwd", Err(Unresolved::NotRelative)),
            ("functions/a.js", "https://a.example/b.js", Err(Unresolved::NotRelative)),
            ("inlay:core", "./a.js", Err(Unresolved::Outside)),
        ] {
            assert_eq!(resolve(base, name), path.map(str::to_owned), "{base} {name}");
        }
    }
}
