// shows: false
export default () => String(/(?<=^(a+)+)b/.test("a".repeat(60)))
