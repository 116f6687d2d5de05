for (;;) {}
export default () => 1
