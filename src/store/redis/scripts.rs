//! The scripts that run in Redis, each of them at once or not at all. What each takes and gives stands in its file.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($name:ident $file:literal)*) => {
        $(pub static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file, ".lua"))));)*
    };
}

scripts! {
    LOAD "load"
    APPEND "append"
    FOLD "fold"
    DEPART "depart"
    PARCEL "parcel"
    ARRIVE "arrive"
    FORWARD "forward"
    UNLINK "unlink"
    UNBEAR "unbear"
    ERASE "erase"
    PLACE "place"
    SWEEP "sweep"
    SCHEDULE "schedule"
    CANCEL "cancel"
    TAKE "take"
    PUT_ITEMS "put_items"
}
