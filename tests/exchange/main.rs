//! The life of a request, through the real server with real sockets: an in-process origin behind, files in a folder as
//! rules, a clock that is set.

mod acting;
mod apologising;
mod asserting;
mod breaking;
mod caching;
mod calling;
mod coding;
mod compiling;
mod consenting;
mod explaining;
mod failing;
mod forbidding;
mod house;
mod identifying;
mod joining;
mod including;
mod laying;
mod leaking;
mod limiting;
mod passing;
mod placing;
mod proving;
mod purging;
mod recalling;
mod reloading;
mod remembering;
mod seeing;
mod sharing;
mod sheltering;
mod speaking;
mod streaming;
mod tunnelling;
mod visiting;
mod watching;
mod withholding;
