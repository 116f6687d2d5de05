// threw: TypeError: circular reference
export default () => { const a = {}; a.a = a; return { html: "x", data: a } }
