// threw: something that cannot be printed
export default () => { throw Symbol("x") }
