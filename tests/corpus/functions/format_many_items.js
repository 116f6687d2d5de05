// threw: TypeError
export default () => String(format.sum(new Array(2e4).fill(0)))
