// threw: TypeError: the function gave as `html` an object
export default () => ({ html: Object.create(Object.getPrototypeOf(html`x`)) })
