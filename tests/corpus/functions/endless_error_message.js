// cpu:
export default () => { throw { toString() { for (;;) {} } } }
