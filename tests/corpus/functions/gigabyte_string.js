// memory:
export default () => "x".repeat(2 ** 29)
