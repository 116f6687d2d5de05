// cpu: | memory: | threw:
export default () => ({ html: 'x', data: { toJSON() { return { own: this, toJSON: undefined, again: { toJSON: this.toJSON } }; } } })
