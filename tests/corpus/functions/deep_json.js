// threw:
export default () => JSON.parse("[".repeat(200000))
