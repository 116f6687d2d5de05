// shows: undefined undefined
export default () => `${format.constructor} ${format.__proto__}`
