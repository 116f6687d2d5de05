// threw: TypeError
export default () => String(format.truncate('x'.repeat(4e6), 10))
