// cpu:
export default () => format.slug({ toJSON() { for (;;) {} } })
