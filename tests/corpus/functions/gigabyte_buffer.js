// memory:
export default () => new Uint8Array(2 ** 30).length
