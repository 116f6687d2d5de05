// shows: y
export default () => ({ [Symbol.toStringTag]: 'z', [Symbol('html')]: 'x', html: 'y' })
