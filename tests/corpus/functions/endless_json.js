// cpu:
export default () => JSON.stringify({ toJSON() { for (;;) {} } })
