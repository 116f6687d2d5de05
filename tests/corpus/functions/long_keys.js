// memory: | cpu: | threw: null
export default (input) => { let k = "k"; for (;;) { k += k + "x"; input.request.cookies[k] } }
