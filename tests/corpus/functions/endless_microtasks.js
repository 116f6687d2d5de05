// cpu:
export default () => new Promise(() => { const again = () => queueMicrotask(again); again() })
