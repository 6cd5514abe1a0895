import eslint from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(eslint.configs.recommended, {
  files: ["**/*.{ts,tsx}"],
  extends: [tseslint.configs.strictTypeChecked, hooks.configs.flat["recommended-latest"]],
  languageOptions: { parserOptions: { projectService: true } },
  rules: {
    // A handler of React may be a promise that says itself when it fails.
    "@typescript-eslint/no-misused-promises": [
      "error",
      { checksVoidReturn: { attributes: false } },
    ],
    // The compiler of React is not used here: nothing is memoized behind our back.
    "react-hooks/incompatible-library": "off",
    "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
  },
});
