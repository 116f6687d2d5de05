// threw: TypeError
export default () => format.repeat('x'.repeat(1e5), 1e9)
