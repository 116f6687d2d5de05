// shows: caught
function f() { return f() }
export default () => { try { f() } catch { return "caught" } }
