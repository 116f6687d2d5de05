// shows: 0
export default () => String(Object.keys(new Array(2 ** 32 - 1)).length)
