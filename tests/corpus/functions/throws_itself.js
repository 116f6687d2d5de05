// threw: something that cannot be printed
export default () => { throw { toString() { throw this } } }
