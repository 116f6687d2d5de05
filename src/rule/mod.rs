//! Which rules have this request: patterns, schedule, priority. Pure.
