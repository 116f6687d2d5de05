// cpu:
export default () => ({ html: 'x', data: { toJSON() { for (;;) {} } } })
