// shows: xxxx
export default () => "x".repeat(1024 * 1024)
