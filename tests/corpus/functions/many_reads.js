// cpu:
export default (input) => { for (let i = 0; ; i++) input.request.cookies[`c${i}`] }
