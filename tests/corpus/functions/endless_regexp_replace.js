// cpu:
export default () => "a".repeat(40).replace(/(a|aa|a?)+$x/, "")
