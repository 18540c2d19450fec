x=1
def gradcheck():0
gradgradcheck=1
