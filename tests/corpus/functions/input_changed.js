// shows: TypeError TypeError TypeError /caf
export default (input) => { const said = []; for (const change of [() => { input.request.path = 'x'; }, () => { delete input.request; }, () => { Object.setPrototypeOf(input, {}); }]) { try { change(); } catch (error) { said.push(error.name); } } return `${said.join(' ')} ${input.request.path}`; }
