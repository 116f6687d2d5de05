// unsettled:
export default () => new Promise(() => {})
