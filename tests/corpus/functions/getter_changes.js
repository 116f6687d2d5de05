// shows: first
export default () => { let asked = 0; return { get html() { return asked++ ? '<script>' : 'first'; } }; }
