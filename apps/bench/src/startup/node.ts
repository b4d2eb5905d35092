console.log("nothing but Node");
