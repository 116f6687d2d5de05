// threw: TypeError
export default () => String(format.sum(new Array(2e5).fill(0)))
