// shows: 
export default () => new Proxy({}, { get: (_, k) => (k === "html" ? "" : undefined) })
