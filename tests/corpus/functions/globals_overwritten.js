// shows: gold
Reflect.apply = Reflect.get = JSON.stringify = Array.isArray = Object.defineProperty = () => { throw 1 };
export default (input) => html`${input.request.cookies.tier}`
