//! Changes of the rules while visitors read.

use std::time::{Duration, Instant};

use super::house::{Front, page};

const PAGE: &str = "<main></main><p></p>";

/// Rules of which every slot names the same version.
fn rules(name: &str, version: usize) -> String {
    format!(
        "rules:\n  {name}:\n    match: {{ path: /** }}\n    inject:\n      - {{ select: main, place: prepend, html: \"[{version}]\" }}\n      - {{ select: p, place: inner, template: \"[{{{{ {version} }}}}]\" }}\n"
    )
}

/// The versions that a page shows, one for each slot.
fn versions(page: &str) -> Vec<usize> {
    page.split('[').skip(1).filter_map(|part| part.split(']').next()?.parse().ok()).collect()
}

#[tokio::test]
async fn changes_in_quick_succession_are_all_live_within_a_second() {
    let front = Front::new(&rules("a", 0), |_| page(PAGE)).await;
    // Several fall into one second: what tells files apart must be finer than that.
    for version in 1..8 {
        let changed = Instant::now();
        front.write("rules/site.yaml", &rules("a", version));
        front.until("/", &format!("[{version}]")).await;
        assert!(changed.elapsed() < Duration::from_secs(1), "{version} took {:?}", changed.elapsed());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_swapped_is_never_seen_in_part() {
    use std::os::unix::fs::symlink;
    let front = Front::with("", &[("v0/a.yaml", &rules("a", 0)), ("v0/b.yaml", &rules("b", 0))], |_| page(PAGE)).await;
    let folder = front.folder.path();
    symlink("../v0", folder.join("rules/current")).expect("a link");
    front.until("/", "[0]").await;
    for version in 1..6 {
        for name in ["a", "b"] {
            front.write(&format!("v{version}/{name}.yaml"), &rules(name, version));
        }
        symlink(format!("../v{version}"), folder.join("next")).expect("a link");
        std::fs::rename(folder.join("next"), folder.join("rules/current")).expect("swapped");
        let changed = Instant::now();
        loop {
            let answer = front.get("/").await;
            let seen = versions(answer.text());
            // Both files lay into `main`; the first one's content stands in `p`.
            assert_eq!(seen.len(), 3, "{}", answer.text());
            assert!(seen.iter().all(|one| *one == seen[0]), "{}", answer.text());
            if seen[0] == version {
                break;
            }
            assert!(changed.elapsed() < Duration::from_secs(2), "{version} never came");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_written_slowly_is_read_when_it_is_whole() {
    let front = Front::new(&rules("a", 0), |_| page(PAGE)).await;
    let text = rules("a", 1) + &rules("b", 1).replace("rules:\n", "");
    let half = rules("a", 1).len();
    for end in (half..text.len()).step_by(8).chain([text.len()]) {
        front.write("rules/site.yaml", &text[..end]);
        let seen = versions(front.get("/").await.text());
        assert!(seen == [0, 0] || seen.len() == 3, "half a file: {seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    front.until("/", "[1][1]").await;
}

#[tokio::test]
async fn visitors_stay_who_they_are_when_the_files_are_read_again() {
    let greets = "rules:\n  a:\n    match: { path: / }\n    inject:\n      - { select: p, place: inner, template: \"{{ visitor.returning }}\" }\n";
    // No secret is given, so one was made up at the start.
    let front = Front::new(greets, |_| page(PAGE)).await;
    let first = front.get("/").await;
    let cookie = first.visitor_cookie().expect("a cookie").to_owned();
    front.app.reload();
    let answer = front.get_with("/", &[("cookie", &cookie)]).await;
    assert_eq!(answer.visitor_cookie(), None, "{}", answer.text());
    assert!(answer.text().contains("<p>true</p>"), "{}", answer.text());
}
