// shows: fine
export default async () => { Promise.reject(new Error("nobody looks")); return "fine" }
