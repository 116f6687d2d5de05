// cpu:
export default () => { for (;;) {} }
